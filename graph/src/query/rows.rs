//! Lists of numbers, one a row, in two flat arrays.

/// Row `i` holds `items[starts[i]..starts[i + 1]]`.
pub(super) struct Rows {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Rows {
    /// Puts rows one after the other.
    pub fn new<Row: IntoIterator<Item = u32>>(rows: impl IntoIterator<Item = Row>) -> Rows {
        let mut made = Rows { starts: vec![0], items: Vec::new() };
        for row in rows {
            made.items.extend(row);
            made.starts.push(made.items.len() as u32);
        }
        made
    }

    /// Returns a row.
    pub fn row(&self, index: usize) -> &[u32] {
        &self.items[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns, for each of `width` items, the rows that hold it, sorted.
    pub fn transpose(&self, width: usize) -> Rows {
        let mut starts = vec![0u32; width + 1];
        for item in &self.items {
            starts[*item as usize + 1] += 1;
        }
        for index in 0..width {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut items = vec![0u32; self.items.len()];
        for row in 0..self.len() {
            for item in self.row(row) {
                items[next[*item as usize] as usize] = row as u32;
                next[*item as usize] += 1;
            }
        }
        Rows { starts, items }
    }
}
