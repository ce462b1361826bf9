//! What may be a dictionary code or a level.

use std::fmt::Debug;

use bytemuck::Pod;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u8 {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

/// An unsigned integer narrow enough for the codes or levels of one page: `u8`, `u16` or `u32`.
pub trait Code: Pod + Ord + Debug + Into<u32> + Send + Sync + sealed::Sealed {
    /// Bits of the type: the greatest bit width it can hold.
    const BITS: u32;
    /// The greatest code of the type.
    const MAX: u32;

    /// The low bits of `value`.
    fn from_u32_truncating(value: u32) -> Self;

    /// The code as an index.
    #[inline]
    fn index(self) -> usize {
        let code: u32 = self.into();
        code as usize
    }
}

macro_rules! code {
    ($($kind:ty),*) => {$(
        impl Code for $kind {
            const BITS: u32 = <$kind>::BITS;
            const MAX: u32 = <$kind>::MAX as u32;

            #[inline]
            fn from_u32_truncating(value: u32) -> Self {
                value as $kind
            }
        }
    )*};
}

code!(u8, u16, u32);
