"""The front's own pages, from one template."""

from functools import cache

from jinja2 import Environment, PackageLoader, Template, select_autoescape

from search.dashboard.accounts import Account


def login_page(host: str, after: str, message: str = "") -> str:
    """The form to sign in. `after`: the path to redirect to afterwards; `message`: why the last try failed."""
    return _template().render(title="Sign in", host=host, after=after, message=message, form=True)


def account_page(host: str, account: Account) -> str:
    """The name and role of the account, links to the other pages, and a button to sign out."""
    return _template().render(title="Signed in", host=host, account=account)


def studies_page(host: str, links: dict[str, str]) -> str:
    """A list of the studies' reports. `links`: the path of each report by the study's name."""
    return _template().render(title="Reports", host=host, links=links)


def message_page(host: str, title: str, message: str) -> str:
    """A page with a message and nothing else."""
    return _template().render(title=title, host=host, message=message)


@cache
def _template() -> Template:
    loader = PackageLoader("search.dashboard", package_path="")
    return Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True).get_template("page.html")
