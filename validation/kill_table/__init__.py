"""The kill table: planted defects, each caught by the check that was named beforehand.

Laws of this package:

1. The product knows of no defect: a record in ``validation/mutants`` is applied to a copy of
   the tree in a temporary folder, and taken back after its run.
2. A defect is *killed* only if the named check ran and failed by what it asserts. Code that
   no longer loads, or breaks down on the way, has shown nothing about the check.
3. A record whose text is not found exactly once is *stale*, and fails.
4. The control run comes first: every named check passes on the copy as it is.
5. No result is kept from one run to the next.
"""
