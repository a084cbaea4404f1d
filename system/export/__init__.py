"""Export of the history to files: streamed, in bounded memory, all or nothing."""
