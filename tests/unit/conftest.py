"""Properties: the same few examples in every run; `pytest --hypothesis-profile deep tests/unit` looks for new ones."""

from hypothesis import settings

settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("deep", max_examples=3_000, deadline=None, print_blob=True)
if settings.get_current_profile_name() == "default":
    settings.load_profile("quick")
