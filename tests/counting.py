"""Downloads as the server counts them."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from packistry.models.base import now
from packistry.services import Services
from packistry.services.downloads import Batch, Downloaded


def download(services: Services, package_id: int, by_age: Mapping[int, int]) -> None:
    """So many downloads of a package, by how many days ago that was."""
    today = now().date()
    downloads = Counter(
        {
            Downloaded(
                package_id=package_id,
                dist_id=0,
                version="1.0.0.0",
                day=today - timedelta(days=age),
            ): number
            for age, number in by_age.items()
        }
    )
    services.downloads.record(Batch(downloads=downloads))
