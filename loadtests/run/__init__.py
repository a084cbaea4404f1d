"""A load through the whole pipeline: run, judged against an exact reference, reported."""
