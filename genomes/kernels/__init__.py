"""Kernels over arrays. Read `binding`, which compiles them, then `parallel`, which spreads them over threads."""
