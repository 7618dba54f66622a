"""Routes of optuna-dashboard that are replaced in its own router, so that no path can reach the old ones."""

from collections.abc import Callable
from typing import Any

from bottle import Bottle

from trainer.errors import InputError

Callback = Callable[..., Any]  # takes the parts of the path that the rule names, by name


def replace_route(dashboard: Bottle, method: str, rule: str, replace: Callable[[Callback], Callback]) -> None:
    """Puts `replace(callback)` in the place of the route's callback.

    Raises InputError where there is no such route, as another version of optuna-dashboard might have none.
    """
    routes = [route for route in dashboard.routes if (route.method, route.rule) == (method, rule)]
    if not routes:
        raise InputError(
            f"optuna-dashboard must have the route {method} {rule}, which is replaced; got a version without it; "
            "install the one of requirements.lock"
        )
    dashboard.route(rule, method, replace(routes[-1].callback))
