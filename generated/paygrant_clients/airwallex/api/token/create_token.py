from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.token_error import TokenError
from ...models.token_response import TokenResponse
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    x_client_id: str,
    x_api_key: str,
    x_login_as: str | Unset = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["x-client-id"] = x_client_id

    headers["x-api-key"] = x_api_key

    if not isinstance(x_login_as, Unset):
        headers["x-login-as"] = x_login_as

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/authentication/login",
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> TokenError | TokenResponse | None:
    if response.status_code == 201:
        response_201 = TokenResponse.from_dict(response.json())

        return response_201

    if response.status_code == 400:
        response_400 = TokenError.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = TokenError.from_dict(response.json())

        return response_401

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[TokenError | TokenResponse]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    x_client_id: str,
    x_api_key: str,
    x_login_as: str | Unset = UNSET,
) -> Response[TokenError | TokenResponse]:
    """Request an access token

     Exchanges the client's id and API key, sent as headers, for an access token.

    Args:
        x_client_id (str):
        x_api_key (str):
        x_login_as (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[TokenError | TokenResponse]
    """

    kwargs = _get_kwargs(
        x_client_id=x_client_id,
        x_api_key=x_api_key,
        x_login_as=x_login_as,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    x_client_id: str,
    x_api_key: str,
    x_login_as: str | Unset = UNSET,
) -> TokenError | TokenResponse | None:
    """Request an access token

     Exchanges the client's id and API key, sent as headers, for an access token.

    Args:
        x_client_id (str):
        x_api_key (str):
        x_login_as (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        TokenError | TokenResponse
    """

    return sync_detailed(
        client=client,
        x_client_id=x_client_id,
        x_api_key=x_api_key,
        x_login_as=x_login_as,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    x_client_id: str,
    x_api_key: str,
    x_login_as: str | Unset = UNSET,
) -> Response[TokenError | TokenResponse]:
    """Request an access token

     Exchanges the client's id and API key, sent as headers, for an access token.

    Args:
        x_client_id (str):
        x_api_key (str):
        x_login_as (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[TokenError | TokenResponse]
    """

    kwargs = _get_kwargs(
        x_client_id=x_client_id,
        x_api_key=x_api_key,
        x_login_as=x_login_as,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    x_client_id: str,
    x_api_key: str,
    x_login_as: str | Unset = UNSET,
) -> TokenError | TokenResponse | None:
    """Request an access token

     Exchanges the client's id and API key, sent as headers, for an access token.

    Args:
        x_client_id (str):
        x_api_key (str):
        x_login_as (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        TokenError | TokenResponse
    """

    return (
        await asyncio_detailed(
            client=client,
            x_client_id=x_client_id,
            x_api_key=x_api_key,
            x_login_as=x_login_as,
        )
    ).parsed
