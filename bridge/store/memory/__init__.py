"""The store in memory: dicts that keep the protocol's promises, durability apart."""

from bridge.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
