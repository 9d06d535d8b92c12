"""What people enter when a package changes its address."""

from packistry.inputs import Input, PackageName


class NewName(Input):
    """The name that a package has from now on."""

    name: PackageName
