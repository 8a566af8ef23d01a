from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import astuple as _attrs_astuple
from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="TokenError")


@_attrs_define
class TokenError:
    """Why there is no token.

    Attributes:
        summary (str | Unset): The kind of error.
        detail (str | Unset): A short text about the error.
        status_code (int | Unset): The status.
    """

    summary: str | Unset = _attrs_field(default=UNSET, repr=False)
    detail: str | Unset = _attrs_field(default=UNSET, repr=False)
    status_code: int | Unset = _attrs_field(default=UNSET, repr=False)
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict[str, Any], repr=False)

    def to_dict(self) -> dict[str, Any]:
        summary = self.summary

        detail = self.detail

        status_code = self.status_code

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if summary is not UNSET:
            field_dict["summary"] = summary
        if detail is not UNSET:
            field_dict["detail"] = detail
        if status_code is not UNSET:
            field_dict["status_code"] = status_code

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        summary = d.pop("summary", UNSET)

        detail = d.pop("detail", UNSET)

        status_code = d.pop("status_code", UNSET)

        token_error = cls(
            summary=summary,
            detail=detail,
            status_code=status_code,
        )

        token_error.additional_properties = d
        return token_error

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
