"""Messages on their way into the state: partitions, barriers, suspects, affected books."""
