"""The whole job on real input, on this machine: `make demo`."""
