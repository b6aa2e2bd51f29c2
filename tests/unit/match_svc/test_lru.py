"""Aim: the cache in the process is bounded in bytes and in age."""

from __future__ import annotations

from match_svc.stores.lru import LruCache


def test_what_is_unused_for_longest_makes_room() -> None:
    cache = LruCache(3 * (200 + 1 + 10))
    for key in "abc":
        cache.put(key, b"0123456789", 60)
    assert cache.get("a") is not None
    cache.put("d", b"0123456789", 60)
    assert cache.get("b") is None
    assert [cache.get(key) is not None for key in "acd"] == [True] * 3


def test_an_entry_larger_than_the_cache_is_not_kept() -> None:
    cache = LruCache(1000)
    cache.put("a", b"x", 60)
    cache.put("b", bytes(2000), 60)
    assert cache.get("b") is None
    cache.put("c", b"y", 60)
    assert cache.get("c") == b"y"


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = LruCache(0)
    cache.put("a", b"", 60)
    assert cache.get("a") is None


def test_old_entries_are_gone() -> None:
    now = [0.0]
    cache = LruCache(1000, clock=lambda: now[0])
    cache.put("a", b"x", 10)
    now[0] = 9.9
    assert cache.get("a") == b"x"
    now[0] = 10.1
    assert cache.get("a") is None
    cache.put("a", b"z", 10)
    assert cache.get("a") == b"z"


def test_replaced_and_dropped_entries_free_their_bytes() -> None:
    cache = LruCache(1000)
    for _ in range(100):
        cache.put("a", bytes(500), 60)
    cache.put("b", b"x", 60)
    assert cache.get("a") is not None
    cache.drop("a")
    cache.drop("a")
    cache.put("c", bytes(500), 60)
    assert cache.get("b") is not None


def test_entries_are_dropped_by_prefix() -> None:
    cache = LruCache(10_000)
    for key in ("s:1", "r:1", "r:2"):
        cache.put(key, b"x", 60)
    cache.drop_prefix("r:")
    assert [cache.get(key) is not None for key in ("s:1", "r:1", "r:2")] == [True, False, False]
