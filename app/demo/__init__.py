"""The main job, shown: a day computed exactly while its workers are killed."""
