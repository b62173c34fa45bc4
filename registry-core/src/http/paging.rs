/// The default number of items on a page.
const USUAL: usize = 100;
/// The most items on a page.
const MOST: usize = 100;

/// The part of a list that a client asks for with `?page=…&perPage=…`. Pages are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: usize,
    size: usize,
}

impl Page {
    pub(super) fn of(query: Option<&str>) -> Self {
        let number_of = |name: &str| {
            let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            pairs.into_iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok())
        };
        let size = number_of("perPage").unwrap_or(USUAL).clamp(1, MOST);
        Self { number: number_of("page").unwrap_or(0), size }
    }

    pub(super) fn of_list<Item>(self, list: &[Item]) -> &[Item] {
        let start = self.number.saturating_mul(self.size).min(list.len());
        &list[start..start.saturating_add(self.size).min(list.len())]
    }

    /// The number of the page.
    pub(super) fn number(self) -> usize {
        self.number
    }

    /// The most items on the page.
    pub(super) fn size(self) -> usize {
        self.size
    }

    /// Returns the query of the next page, for a list of this length.
    pub(super) fn next(self, length: usize) -> Option<String> {
        let next = self.number.saturating_add(1);
        (next.saturating_mul(self.size) < length).then(|| format!("page={next}&perPage={}", self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_on_one_page() {
        let list: Vec<u32> = (0..25).collect();
        let mut query = Some("perPage=10".to_owned());
        let mut seen = Vec::new();
        while let Some(asked) = query {
            let page = Page::of(Some(&asked));
            seen.extend_from_slice(page.of_list(&list));
            query = page.next(list.len());
        }
        assert_eq!(seen, list);
    }

    #[test]
    fn nonsense_is_the_first_page() {
        let list = [1, 2, 3];
        for query in [None, Some("page=-1&perPage=x"), Some("page=&perPage=99999999")] {
            assert_eq!(Page::of(query).of_list(&list), list, "{query:?}");
        }
        assert_eq!(Page::of(Some("perPage=0")).of_list(&list), [1]);
        let far = Page::of(Some("page=18446744073709551615&perPage=100"));
        assert!(far.of_list(&list).is_empty() && far.next(list.len()).is_none());
    }
}
