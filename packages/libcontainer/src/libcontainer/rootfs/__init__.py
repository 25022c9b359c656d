"""The container's file system tree: planned by main, mounted and entered by init in its own mount namespace."""
