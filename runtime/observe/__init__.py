"""What is told of the traffic: logs, metrics, spans. Nothing here changes what happens to a request."""
