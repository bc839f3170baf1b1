"""Kernels of the methods that train weights: counter-based noise, drawn where it is needed instead of stored."""
