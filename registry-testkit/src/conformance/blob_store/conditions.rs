use registry_core::storage::When;

use super::super::check::{Verdict, ensure};
use super::checks;
use super::ground::Ground;

checks![
    always_replaces,
    absent_stores_only_where_nothing_is,
    matches_stores_only_over_the_last_etag,
    matches_never_stores_where_nothing_is,
    delete_succeeds_where_nothing_is,
];

async fn always_replaces(ground: Ground) -> Verdict {
    let path = ground.path("always");
    ground.put(&path, "one", When::Always).await?;
    ground.put(&path, "two", When::Always).await?;
    ground.expect(&path, "two").await
}

async fn absent_stores_only_where_nothing_is(ground: Ground) -> Verdict {
    let path = ground.path("absent");
    let etag = ground.put(&path, "one", When::Absent).await?;
    ground.put_in_vain(&path, When::Absent).await?;
    ground.expect(&path, "one").await?;
    ensure!(ground.get(&path).await?.etag == etag, "a put that was a conflict changed the ETag");
    ground.store.delete(&path).await?;
    ground.put(&path, "two", When::Absent).await?;
    ground.expect(&path, "two").await
}

async fn matches_stores_only_over_the_last_etag(ground: Ground) -> Verdict {
    let (path, other) = (ground.path("matches"), ground.path("other"));
    let first = ground.put(&path, "one", When::Always).await?;
    let second = ground.put(&path, "two", When::Matches(first.clone())).await?;
    ground.put_in_vain(&path, When::Matches(first.clone())).await?;
    ground.expect(&path, "two").await?;
    let elsewhere = ground.put(&other, "elsewhere, of another length", When::Always).await?;
    ground.put_in_vain(&path, When::Matches(elsewhere)).await?;
    let third = ground.put(&path, "two", When::Matches(second)).await?;
    ground.put(&path, "fin", When::Matches(third)).await?;
    ground.put_in_vain(&path, When::Matches(first)).await?;
    ground.expect(&path, "fin").await
}

async fn matches_never_stores_where_nothing_is(ground: Ground) -> Verdict {
    let path = ground.path("gone");
    let etag = ground.put(&path, "one", When::Always).await?;
    ground.store.delete(&path).await?;
    ground.put_in_vain(&path, When::Matches(etag.clone())).await?;
    ground.expect_missing(&path).await?;
    // Come back as another blob of the same length, it is not the one that was known.
    ground.put(&path, "two", When::Absent).await?;
    ground.put_in_vain(&path, When::Matches(etag)).await?;
    ground.expect(&path, "two").await
}

async fn delete_succeeds_where_nothing_is(ground: Ground) -> Verdict {
    let (path, neighbor) = (ground.path("folder/deleted"), ground.path("folder/neighbor"));
    ground.store.delete(&path).await?;
    ground.put(&path, "here", When::Always).await?;
    ground.put(&neighbor, "stays", When::Always).await?;
    ground.store.delete(&path).await?;
    ground.store.delete(&path).await?;
    ground.expect_missing(&path).await?;
    ground.expect(&neighbor, "stays").await?;
    // Below a blob there is none. A store that cannot look there may say so.
    ground.store.delete(&super::paths::path("conformance/folder/neighbor/below")?).await.ok();
    ground.expect(&neighbor, "stays").await
}
