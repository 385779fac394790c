"""Kafka outside of Faust: the local broker, topics, and plain clients."""
