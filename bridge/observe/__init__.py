"""What an operator sees from outside: metrics and log lines. Neither ever shows a person."""
