#!/bin/sh
# Installs Debian's Chromium, where that can be done and no browser is there yet. Never fails: the
# tests that need a browser say that there is none, and are skipped.
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null &&
        apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null ||
        echo "no browser: apt-get could not install chromium" >&2
fi
exit 0
