"""Real Mach-O files, read by engine-ci, by LIEF and by LLVM: do they agree?"""
