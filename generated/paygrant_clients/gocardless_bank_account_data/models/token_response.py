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
        access (str | Unset): The access token.
        access_expires (int | Unset): The lifetime of the access token in seconds.
        refresh (str | Unset): A refresh token, which paygrant does not use.
        refresh_expires (int | Unset): The lifetime of the refresh token in seconds.
    """

    access: str | Unset = _attrs_field(default=UNSET, repr=False)
    access_expires: int | Unset = UNSET
    refresh: str | Unset = _attrs_field(default=UNSET, repr=False)
    refresh_expires: int | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict[str, Any], repr=False)

    def to_dict(self) -> dict[str, Any]:
        access = self.access

        access_expires = self.access_expires

        refresh = self.refresh

        refresh_expires = self.refresh_expires

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if access is not UNSET:
            field_dict["access"] = access
        if access_expires is not UNSET:
            field_dict["access_expires"] = access_expires
        if refresh is not UNSET:
            field_dict["refresh"] = refresh
        if refresh_expires is not UNSET:
            field_dict["refresh_expires"] = refresh_expires

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        access = d.pop("access", UNSET)

        access_expires = d.pop("access_expires", UNSET)

        refresh = d.pop("refresh", UNSET)

        refresh_expires = d.pop("refresh_expires", UNSET)

        token_response = cls(
            access=access,
            access_expires=access_expires,
            refresh=refresh,
            refresh_expires=refresh_expires,
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
