"""Load: sent open loop, measured from outside the pipeline; record first, judge later.

Two layers. The instruments (`coverage`, `latency`, `observer`, `record`, `tables`) know
nothing of `validation`, which is built on them; the load tests (everything else) use both.
"""
