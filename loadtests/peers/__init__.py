"""Other ways to the same number, to compare with: each a process that reads ticks and writes VaR.

A peer gets a plan and the addresses of Kafka and Redis, says ``ready`` on standard output, and
publishes VaR by portfolio with the offsets that it covers, where the observer looks. It is
judged like the product: sampled VaR against the exact reference before any timing counts.
"""
