from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import astuple as _attrs_astuple
from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="TokenRequest")


@_attrs_define
class TokenRequest:
    """The form of the token request.

    Attributes:
        grant_type (Literal['urn:ietf:params:oauth:grant-type:jwt-bearer']): The grant type of RFC 7523 section 2.1.
        client_id (str): The client's id.
        assertion (str): The API key.
    """

    grant_type: Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    client_id: str = _attrs_field(repr=False)
    assertion: str = _attrs_field(repr=False)
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict[str, Any], repr=False)

    def to_dict(self) -> dict[str, Any]:
        grant_type = self.grant_type

        client_id = self.client_id

        assertion = self.assertion

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "grant_type": grant_type,
                "client_id": client_id,
                "assertion": assertion,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        grant_type = cast(Literal["urn:ietf:params:oauth:grant-type:jwt-bearer"], d.pop("grant_type"))
        if grant_type != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise ValueError(
                f"grant_type must match const 'urn:ietf:params:oauth:grant-type:jwt-bearer', got '{grant_type}'"
            )

        client_id = d.pop("client_id")

        assertion = d.pop("assertion")

        token_request = cls(
            grant_type=grant_type,
            client_id=client_id,
            assertion=assertion,
        )

        token_request.additional_properties = d
        return token_request

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _attrs_astuple(self, recurse=False) == _attrs_astuple(other, recurse=False)
