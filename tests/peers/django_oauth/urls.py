"""The paths of the real authorization server: those of the toolkit, and one resource as two views.

The toolkit's paths are below `/o/`, as at Cryptofuse, and below `/oauth2/`, as at Ripio Ramp. The toolkit's plain view
responds to a dead token with 403, and the view that follows RFC 9728 with 401.
"""
# Django has no types.
# mypy: ignore-errors
# pyright: basic

from django.http import HttpRequest, JsonResponse
from django.urls import include, path
from oauth2_provider.views.generic import ProtectedResourceMetadataView, ProtectedResourceView


class Resource(ProtectedResourceView):
    def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse({"payments": []})


class ResourceWithChallenge(ProtectedResourceMetadataView, Resource):
    pass


urlpatterns = [
    path("o/", include("oauth2_provider.urls")),
    path("oauth2/", include("oauth2_provider.urls", namespace="ripio_ramp")),
    path("resource/", Resource.as_view()),
    path("resource/with-challenge/", ResourceWithChallenge.as_view()),
]
