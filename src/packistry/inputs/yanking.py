"""What people say when they take a version back."""

from packistry.inputs import Input, Text


class Yank(Input):
    """Why Composer is to choose a version no more; "" where nothing is said."""

    reason: Text = ""
