from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import astuple as _attrs_astuple
from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="TokenResponse")


@_attrs_define
class TokenResponse:
    """The token, and what a client must know about it.

    Attributes:
        token (str | Unset): The access token.
        expires_at (str | Unset): The time at which the token ends, as ISO 8601.
    """

    token: str | Unset = _attrs_field(default=UNSET, repr=False)
    expires_at: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict[str, Any], repr=False)

    def to_dict(self) -> dict[str, Any]:
        token = self.token

        expires_at = self.expires_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if token is not UNSET:
            field_dict["token"] = token
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        token = d.pop("token", UNSET)

        expires_at = d.pop("expires_at", UNSET)

        token_response = cls(
            token=token,
            expires_at=expires_at,
        )

        token_response.additional_properties = d
        return token_response

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
