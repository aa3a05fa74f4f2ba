from hypothesis import settings

# A busy machine must not fail a rule: what has to be quick has a test that says how quick.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")
