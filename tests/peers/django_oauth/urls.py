"""The addresses of the real authorization server: the toolkit's own, and one resource in its two manners.

The toolkit's stand below `/o/`, where Cryptofuse has its token endpoint, and below `/oauth2/`, where Ripio Ramp has it.
To a dead token the toolkit's plain view answers 403; the one that keeps to RFC 9728 answers 401.
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
