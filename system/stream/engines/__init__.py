"""Engines: how a Spark query hands records of Kafka to the driver."""
