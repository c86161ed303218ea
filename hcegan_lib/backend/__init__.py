"""Same results, faster or safer: kernels, checkpoints, several processes, files, memory.

Nothing here decides what is computed; a reader of the course may skip it.
"""

import lazy_loader

# Lazy, because the command line uses the files without torch.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["checkpoints", "curve", "files", "kernels", "memory", "messages", "parallel"],
    submod_attrs={
        "checkpoints": ["CheckpointError", "newest_checkpoint", "read_samples", "sampled"],
        "files": ["lock_folder", "write_atomically"],
        "kernels": ["attend"],
        "memory": ["OutOfMemoryError"],
        "parallel": ["find_device", "process_group"],
    },
)
