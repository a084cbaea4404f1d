"""Kafka: topics created, messages sent and read; everything at the border is bytes."""
