"""The second opinion: the written rules of the stream, coded again in exact arithmetic."""
