"""A trial that failed by data, disk or code is tried again, in the same worker, from its checkpoint.

Not so what would end the same way: NaN, out of memory, too many parameters and bad input.
"""

from search.assignment import RETRIES, Assignment, HandedOn
from search.log import say
from search.patience import patiently

PAUSES_S = (2.0, 10.0)  # before each retry; there are as many


def wait_to_retry(assigned: Assignment) -> bool:
    """Waits for the next try of a trial that failed; False when it has had them all.

    Their number is kept with the trial: another worker does not count anew. Raises HandedOn when told to stop.
    """
    trial = assigned.trial
    retries = int(trial.user_attrs.get(RETRIES, 0))
    if retries >= len(PAUSES_S):
        return False
    patiently(lambda: trial.set_user_attr(RETRIES, retries + 1))
    say("is tried again", trial.number, f"retry {retries + 1} of {len(PAUSES_S)}, in {PAUSES_S[retries]:g} s")
    if assigned.stop.wait(PAUSES_S[retries]):
        raise HandedOn
    return True
