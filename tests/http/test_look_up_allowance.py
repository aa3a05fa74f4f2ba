"""The arithmetic of the limit on look-ups, without a clock."""

from hypothesis import given
from hypothesis import strategies as st

from app.http.look_up_limits import Allowance

HOUR = 3600

allowances = st.builds(
    Allowance,
    limit=st.integers(1, 5_000),
    current=st.integers(0, 10_000),
    before=st.integers(0, 10_000),
    seconds=st.floats(0, HOUR - 1),
)


def later(allowance: Allowance, seconds: float) -> Allowance:
    """Return what is left of an allowance when time has passed and nothing more was looked up."""
    passed, into = divmod(allowance.seconds + seconds, HOUR)
    current, before = {0: (allowance.current, allowance.before), 1: (0, allowance.current)}.get(int(passed), (0, 0))
    return Allowance(allowance.limit, current, before, into)


@given(allowances)
def test_whoever_waits_as_long_as_he_is_told_may_look_up_again_and_not_much_sooner(allowance: Allowance) -> None:
    if allowance.remaining:
        assert allowance.retry_after == 0
        return
    assert later(allowance, allowance.retry_after).remaining >= 1
    assert allowance.retry_after <= 2 * HOUR + 1
    if allowance.retry_after > 2:
        assert later(allowance, allowance.retry_after - 2).remaining == 0


@given(allowances)
def test_time_alone_never_takes_anything_away(allowance: Allowance) -> None:
    left = [later(allowance, minutes * 60).remaining for minutes in range(0, 130, 5)]
    assert left == sorted(left)
    assert left[-1] == allowance.limit


@given(allowances, st.integers(1, 100))
def test_more_look_ups_never_leave_more_nor_make_answers_quicker(allowance: Allowance, more: int) -> None:
    beyond = Allowance(allowance.limit, allowance.current + more, allowance.before, allowance.seconds)
    assert beyond.remaining <= allowance.remaining
    assert allowance.delay <= beyond.delay <= 1
    assert allowance.suggests or not beyond.suggests


def test_the_steps_come_one_after_the_other() -> None:
    def step(used: int) -> tuple[bool, float, int]:
        allowance = Allowance(100, used, 0, 0)
        return allowance.suggests, allowance.delay, allowance.remaining

    assert step(9) == (True, 0, 91)
    assert step(10) == (False, 0, 90)
    assert step(50) == (False, 0, 50)
    assert step(75) == (False, 0.5, 25)
    assert step(100) == (False, 1, 0)


def test_the_headers_are_those_of_the_draft() -> None:
    headers = Allowance(1_200, 1_163, 0, 600).headers()
    assert headers == {"RateLimit-Policy": '"look-ups";q=1200;w=3600', "RateLimit": '"look-ups";r=37;t=3000'}
