"""Real PE files, read by engine-ci and by LIEF: do they agree?"""
