"""The query role: its own view of the topics, and the answers that it gives over HTTP."""
