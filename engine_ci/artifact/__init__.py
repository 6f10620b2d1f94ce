"""From an upstream archive to the bundle that an app ships: fetch, verify, unpack, prune, audit."""
