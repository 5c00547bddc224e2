"""Vectors for LangChain."""

import math

import pytest
from langchain_google_genai import GoogleGenerativeAIEmbeddings
from langchain_openai import OpenAIEmbeddings


def openai_embeddings(url, **options):
    # It would count tokens with tables from the network.
    options = {"check_embedding_ctx_length": False, **options}
    return OpenAIEmbeddings(model="text-embedding-3-small", base_url=f"{url}/v1", api_key="any", **options)


def google_embeddings(url, **options):
    return GoogleGenerativeAIEmbeddings(
        model="gemini-embedding-001", base_url=url, google_api_key="any", **options
    )


@pytest.fixture(params=[(openai_embeddings, 1536), (google_embeddings, 3072)], ids=["openai", "google"])
def way(request):
    return request.param


def test_texts_have_vectors_of_their_own(way, server):
    embeddings, dimensions = way[0](server.url), way[1]
    vectors = embeddings.embed_documents(["one", "two", "one"])
    assert [len(vector) for vector in vectors] == [dimensions] * 3
    assert vectors[0] == vectors[2] != vectors[1]
    assert math.hypot(*vectors[0]) == pytest.approx(1, abs=1e-4)


async def test_a_query_has_its_vector(way, server):
    embeddings = way[0](server.url)
    assert embeddings.embed_query("one") == await embeddings.aembed_query("one")
