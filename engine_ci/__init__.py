"""Keeps an app's pinned llama-server current, and proves that nothing got worse.

detect ──▶ prepare ──▶ gate ──▶ propose            (bump = all four)
releases   artifact    engine    pull request
choose or  fetch       run both  branch + body,
say why    verify      engines,  never merged
not        unpack      compare   by a program
           prune
           audit
"""

__version__ = "0.1.0"
