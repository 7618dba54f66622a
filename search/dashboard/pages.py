"""The front's own pages, from one template."""

from functools import cache

from jinja2 import Environment, PackageLoader, Template, select_autoescape

from search.dashboard.accounts import Account


def login_page(host: str, after: str, message: str = "") -> str:
    """The form to sign in. `after`: the path to go on to; `message`: what was wrong with the last try."""
    return _template().render(title="Sign in", host=host, after=after, message=message, form=True)


def account_page(host: str, account: Account) -> str:
    """Who is signed in, where to go, and how to sign out."""
    return _template().render(title="Signed in", host=host, account=account)


def studies_page(host: str, links: dict[str, str]) -> str:
    """A report for each study. `links`: path by the study's name."""
    return _template().render(title="Reports", host=host, links=links)


def message_page(host: str, title: str, message: str) -> str:
    """One sentence."""
    return _template().render(title=title, host=host, message=message)


@cache
def _template() -> Template:
    loader = PackageLoader("search.dashboard", package_path="")
    return Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True).get_template("page.html")
