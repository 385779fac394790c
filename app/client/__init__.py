"""A typed client of the query role, in both manners of waiting."""

from app.client.client import AsyncQueryClient, QueryClient, QueryError

__all__ = ["AsyncQueryClient", "QueryClient", "QueryError"]
