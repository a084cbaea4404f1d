"""Keys of Redis, their bounds and the scripts that write them, defined only here.

==============================  ==========================================================
``riskstream:latest:{id}``      hash: fence, epoch, snapshot (JSON of ``RiskSnapshot``),
                                current (JSON of ``CurrentRisk``, ready to be sent)
``riskstream:portfolios``       set of the ids above
``riskstream:snapshots``        stream of the same, bounded: push and resume read it
``riskstream:watermark``        hash: fence, epoch, offsets (JSON), published_ns
``riskstream:durable``          hash: fence, epoch of the newest batch in PostgreSQL, and
                                before_fence, before_epoch: the last one of the driver before
``riskstream:fence``            the highest fence that was claimed; lower ones are refused
``riskstream:identity``         the database that all of this is of (``StateIdentity.name``)
``riskstream:heartbeat``        JSON, expires: no key, no living stream
``riskstream:oracle``           JSON of ``OracleStatus``, expires: no key, no living oracle
``riskstream:replay``           JSON of ``ReplayStatus``, expires: no key, nothing is replayed
``riskstream:warm-up``          JSON of ``WarmUpProgress``, expires: no key, the stream is warm
``riskstream:rehearsal:...``    what a warm-up writes, by the same scripts; removed at its end
==============================  ==========================================================

Batches are ordered by (fence, epoch). A script writes only what is newer, so that a slow
or repeated write never takes a number back. Ids of the stream's entries are made from the
same two numbers and never from a clock, which may be set back: ``fence-N`` with N = epoch
times ``ENTRIES_PER_EPOCH`` plus the snapshot's index in its batch.

Numbers pass through Lua as doubles: exact up to 2**53, which fences, epochs, those N and
nanoseconds of uptime do not reach.
"""

from __future__ import annotations

import socket
from typing import Final

from system.store.errors import ForeignContentError

PREFIX: Final = "riskstream:"
LATEST_PREFIX: Final = f"{PREFIX}latest:"
PORTFOLIOS_KEY: Final = f"{PREFIX}portfolios"
SNAPSHOTS_KEY: Final = f"{PREFIX}snapshots"
WATERMARK_KEY: Final = f"{PREFIX}watermark"
DURABLE_KEY: Final = f"{PREFIX}durable"
FENCE_KEY: Final = f"{PREFIX}fence"
IDENTITY_KEY: Final = f"{PREFIX}identity"
HEARTBEAT_KEY: Final = f"{PREFIX}heartbeat"
ORACLE_KEY: Final = f"{PREFIX}oracle"
REPLAY_KEY: Final = f"{PREFIX}replay"
WARM_UP_KEY: Final = f"{PREFIX}warm-up"
REHEARSAL_PREFIX: Final = f"{PREFIX}rehearsal:"
CLAIMED_KEYS: Final = (
    FENCE_KEY,
    DURABLE_KEY,
    WATERMARK_KEY,
    IDENTITY_KEY,
    PORTFOLIOS_KEY,
    SNAPSHOTS_KEY,
    HEARTBEAT_KEY,
    ORACLE_KEY,
)
"""In the order of ``CLAIM``; all but the fence go where another database claims them."""
TOLD_KEYS: Final = (ORACLE_KEY, REPLAY_KEY)
"""Keys with the status of the oracle and of a replay, read together."""

STREAM_MAX_ENTRIES: Final = 2_048
"""Entries that a reader can resume over: 20 s of 10 portfolios at 10 batches a second."""
ENTRIES_PER_EPOCH: Final = 2**20
"""Ids that a batch has for its snapshots: more than books times ends of day of any batch."""
STREAM_MAX_BYTES: Final = 128 * 1024**2
STREAM_MIN_ENTRIES: Final = 32
"""Fewer entries where snapshots are large, so that Redis's memory holds them."""
HEARTBEAT_EXPIRY_MS: Final = 2_000
BEAT_AGE_MS: Final = 1_500
"""Greatest age of a state when its beat reaches Redis: the second within which the broker must
have answered, and half a second for the way."""
WARM_UP_EXPIRY_MS: Final = 120_000
"""It is renewed twice a second once batches run; on a loaded machine the first takes half a minute.
Where it is forgotten too early, a stream that is cold says that it is ready."""
ORACLE_EXPIRY_MS: Final = 15_000
"""The oracle writes every second; a check of one very large book may take several."""
REPLAY_EXPIRY_MS: Final = 5_000
CONNECT_TIMEOUT_S: Final = 2.0
REPLY_TIMEOUT_S: Final = 5.0
ANSWER_BOUND_S: Final = 2.5
"""Bound of a question of the API, all attempts together: a 503 comes within 3 s."""
KEEPALIVES: Final = {
    socket.TCP_KEEPIDLE: 5,
    socket.TCP_KEEPINTVL: 2,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 10_000,
}
"""Seconds, but for the last one (milliseconds): the same as of connections to PostgreSQL."""
IDLE_UNASKED_S: Final = 15
"""A connection that was idle for longer is asked (PING) before it is used."""
ATTEMPTS: Final = 3
STREAM_ATTEMPTS: Final = 24
"""Ten seconds of a server that refuses: a driver that gives up is away for longer."""
BACKOFF_BASE_S: Final = 0.02
BACKOFF_MAX_S: Final = 0.5
READERS_MAX: Final = 64
READ_COUNT_MAX: Final = 256
READ_AT_ONCE: Final = 16
"""Snapshots in one reply: 2 to 4 MB each of the largest books, and the server disconnects a
client that has 64 MB unread."""
BLOCK_MS_MAX: Final = 4_000

MAX_FENCE: Final = 2**52
"""Lua counts in doubles; a higher fence is none that a driver has claimed."""
FENCED: Final = 1
"""First element of a script's answer: 0 and the count written, or this and the newer fence."""

LATEST_FIELDS: Final = ("fence", "epoch", "snapshot")
CURRENT_FIELDS: Final = ("fence", "epoch", "current")
WATERMARK_FIELDS: Final = ("fence", "epoch", "offsets", "published_ns")
DURABLE_FIELDS: Final = ("fence", "epoch", "before_fence", "before_epoch")

_LIBRARY: Final = """
local function newer(key, fence, epoch)
  local held = redis.call('HMGET', key, 'fence', 'epoch')
  if not held[1] then return true end
  local held_fence, held_epoch = tonumber(held[1]), tonumber(held[2])
  return fence > held_fence or (fence == held_fence and epoch > held_epoch)
end
local function refused(key, fence)
  local claimed = tonumber(redis.call('GET', key) or '0')
  if fence < claimed then return claimed end
  if fence > claimed then redis.call('SET', key, string.format('%.0f', fence)) end
  return nil
end
local fence, epoch = tonumber(ARGV[1]), tonumber(ARGV[2])
local claimed = refused(KEYS[1], fence)
if claimed then return {1, claimed} end
"""

PUBLISH: Final = (
    _LIBRARY
    + """
-- KEYS: fence, watermark, stream, portfolios, then one latest hash per snapshot
-- ARGV: fence, epoch, offsets, published_ns, max_entries, then (portfolio, kind, snapshot,
-- current) per snapshot
local fresh, written = {}, 0
local forward = newer(KEYS[2], fence, epoch)
for i = 5, #KEYS do
  local key, at = KEYS[i], 6 + (i - 5) * 4
  if fresh[key] == nil then fresh[key] = newer(key, fence, epoch) end
  if fresh[key] then
    local portfolio, kind, snapshot, current = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    redis.call('HSET', key, 'fence', ARGV[1], 'epoch', ARGV[2],
      'snapshot', snapshot, 'current', current)
    redis.call('SADD', KEYS[4], portfolio)
    local id = string.format('%.0f-%.0f', fence, epoch * 1048576 + i - 5)
    local entry = {'XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], id, 'portfolio', portfolio,
      'kind', kind, 'fence', ARGV[1], 'epoch', ARGV[2], 'snapshot', snapshot, 'current', current}
    local added = forward and redis.pcall(unpack(entry)) or nil
    if type(added) == 'table' and added.err then
      if not string.find(added.err, 'equal or smaller', 1, true) then return added end
      -- The stream's ids were made from a clock, or by a database that is gone: none follows them.
      redis.call('DEL', KEYS[3])
      redis.call(unpack(entry))
    end
    written = written + 1
  end
end
if forward then
  redis.call('HSET', KEYS[2], 'fence', ARGV[1], 'epoch', ARGV[2], 'offsets', ARGV[3],
    'published_ns', ARGV[4])
end
return {0, written}
"""
)

MARK_DURABLE: Final = (
    _LIBRARY
    + """
-- KEYS: fence, durable
if not newer(KEYS[2], fence, epoch) then return {0, 0} end
local held = redis.call('HMGET', KEYS[2], 'fence', 'epoch')
if held[1] and tonumber(held[1]) < fence then
  redis.call('HSET', KEYS[2], 'before_fence', held[1], 'before_epoch', held[2])
end
redis.call('HSET', KEYS[2], 'fence', ARGV[1], 'epoch', ARGV[2])
return {0, 1}
"""
)

BEAT: Final = (
    _LIBRARY
    + """
-- KEYS: fence, heartbeat, watermark, portfolios, identity
-- ARGV: fence, epoch, JSON, expiry in milliseconds, portfolios that were published, identity,
-- then Redis's time before the state was observed, and its greatest age, both milliseconds
if ARGV[7] ~= '' then
  local time = redis.call('TIME')
  local age = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) - tonumber(ARGV[7])
  -- Redis stood still while this lay in its socket: what the stream was then says nothing of now.
  if age > tonumber(ARGV[8]) then return {0, 1} end
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
if ARGV[6] ~= '' then redis.call('SET', KEYS[5], ARGV[6]) end
local published = tonumber(ARGV[5])
local whole = redis.call('EXISTS', KEYS[3]) == 1 and redis.call('SCARD', KEYS[4]) >= published
return {0, (whole or published == 0) and 1 or 0}
"""
)

CLAIM: Final = (
    _LIBRARY
    + """
-- KEYS: fence, durable, watermark, identity, portfolios, then what else belongs to one database
-- ARGV: fence, 0, identity, prefix of latest hashes, then fence and epoch of the last commit
if ARGV[3] ~= '' and redis.call('GET', KEYS[4]) ~= ARGV[3] then
  for _, portfolio in ipairs(redis.call('SMEMBERS', KEYS[5])) do
    redis.call('DEL', ARGV[4] .. portfolio)
  end
  for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
  redis.call('SET', KEYS[4], ARGV[3])
end
local last_fence, last_epoch = tonumber(ARGV[5] or '-1'), tonumber(ARGV[6] or '-1')
local shown = tonumber(redis.call('HGET', KEYS[3], 'fence') or '-1')
local held = redis.call('HMGET', KEYS[2], 'fence', 'epoch')
if shown > last_fence then
  -- What that driver published was never committed, or the commit was taken back.
  redis.call('HSET', KEYS[2], 'fence', shown, 'epoch', -1,
    'before_fence', last_fence, 'before_epoch', last_epoch)
elseif ARGV[5] and (held[1] ~= ARGV[5] or held[2] ~= ARGV[6]) then
  redis.call('HSET', KEYS[2], 'fence', ARGV[5], 'epoch', ARGV[6])
end
return {0, 1}
"""
)


def latest_key(portfolio: str) -> str:
    """Return the name of the hash that holds a portfolio's newest snapshot."""
    return LATEST_PREFIX + portfolio


def fence_from(value: bytes | None) -> int:
    """Return the fence that Redis holds, 0 where there is none.

    Raises
    ------
    ForeignContentError
        If it is no number that a driver of ours has claimed.
    """
    text = "0" if value is None else value.decode("utf-8", "replace")
    if not (text.isascii() and text.isdigit() and int(text) < MAX_FENCE):
        raise ForeignContentError(
            f"Redis holds {text[:40]!r} as {FENCE_KEY}, which no driver has written: delete that "
            "key, or empty this Redis; the stream fills it again from PostgreSQL"
        )
    return int(text)
