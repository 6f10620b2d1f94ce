"""A program of its own: a model that `llama-cpp-python` has loaded, served over HTTP on loopback.

`python -I -S -B llama_cpp_python_worker FOLDER -m MODEL --port N …`, or `FOLDER --help`, or
`FOLDER --list-devices`. FOLDER holds the package `llama_cpp` and what that needs. It speaks the
part of llama-server's command line and API that the package can fulfil, and refuses the rest as
llama-server refuses what it was not started for. It ends as `llama-server` does: with status 0 on
SIGTERM, with another one when the model cannot be served.

Only the standard library and the package are imported, so that nothing else of ours is in the
process that is judged.
"""
