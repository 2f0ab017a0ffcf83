"""What an order looks like. A request that does not fit gets a 400 that lists everything wrong."""

from typing import List

from pydantic import BaseModel, Field

from pypwext.models import PyPwExtModel


class Customer(BaseModel):
    """Who orders."""

    name: str = Field(min_length=1)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")


class Item(BaseModel):
    """How many of what."""

    sku: str = Field(pattern=r"^[a-z]+$")
    quantity: int = Field(gt=0)


class Order(PyPwExtModel):
    """The body of a request. `pypwext_id`, inherited, follows the order through all systems."""

    customer: Customer
    items: List[Item] = Field(min_length=1)
