//! A registry on loopback for Python and npm, with packages that a test writes, and the settings that lead there.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;

use testkit::server::{Server, whole};
use testkit::workspace::Workspace;

/// The toolchains of both languages.
pub const TOOLCHAINS: &str = "[workspace]\nname = \"it\"\n[toolchain.python]\nhost = [\"python3\"]\n[toolchain.node]\nhost = [\"node\", \"npm\"]\n";

/// The packages of a registry.
#[derive(Default)]
pub struct Registry {
    files: BTreeMap<String, Vec<u8>>,
    pages: BTreeMap<String, String>,
}

impl Registry {
    /// Offers a wheel for every platform; returns the line that locks it.
    pub fn wheel(&mut self, name: &str, version: &str, files: &[(&str, &str)]) -> String {
        let bytes = wheel(name, version, files);
        self.offer(name, &format!("{name}-{version}-py3-none-any.whl"), &bytes);
        locked(name, version, &bytes)
    }

    /// Offers a file of a Python distribution.
    pub fn offer(&mut self, name: &str, file: &str, bytes: &[u8]) {
        self.files.insert(format!("/f/{file}"), bytes.to_vec());
        let link = format!("<a href=\"/f/{file}#sha256={}\">{file}</a>\n", sha256(bytes));
        self.pages.entry(format!("/simple/{name}/")).or_default().push_str(&link);
    }

    /// Offers a package of npm; returns its integrity.
    pub fn tarball(&mut self, name: &str, version: &str, files: &[(&str, &str)]) -> String {
        let files: Vec<(String, &str)> = files.iter().map(|(path, text)| (format!("package/{path}"), *text)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        self.raw_tarball(name, version, &tgz(&files))
    }

    /// Offers whatever bytes as a package of npm; returns their integrity.
    pub fn raw_tarball(&mut self, name: &str, version: &str, bytes: &[u8]) -> String {
        let base = name.rsplit('/').next().unwrap();
        self.files.insert(format!("/{name}/-/{base}-{version}.tgz"), bytes.to_vec());
        integrity(bytes)
    }

    /// Serves all of it.
    pub fn serve(&self) -> Server {
        let pages = self.pages.iter().map(|(path, text)| (path.clone(), (HTML, text.clone().into_bytes())));
        let files = self.files.iter().map(|(path, bytes)| (path.clone(), ("", bytes.clone())));
        let known: BTreeMap<String, (&str, Vec<u8>)> = pages.chain(files).collect();
        Server::start(move |request, stream| match known.get(&request.path) {
            Some((headers, body)) => whole(stream, "200 OK", headers, body),
            None => whole(stream, "404 Not Found", "", b"no"),
        })
    }
}

/// The header of a page for people.
pub const HTML: &str = "content-type: text/html\r\n";

/// Lets pip and npm of a workspace's own home ask a host, with little patience.
pub fn ask(workspace: &Workspace, host: &str) {
    let home = workspace.beside("home");
    fs::create_dir_all(home.join(".config/pip")).unwrap();
    let pip = format!("[global]\nindex-url = http://{host}/simple\ntimeout = 1\nretries = 0\n");
    fs::write(home.join(".config/pip/pip.conf"), pip).unwrap();
    let npm = format!("registry=http://{host}/\nfetch-timeout=1000\nfetch-retries=0\n");
    fs::write(home.join(".npmrc"), npm).unwrap();
}

/// Returns the line of a requirements.txt that locks a file.
pub fn locked(name: &str, version: &str, bytes: &[u8]) -> String {
    format!("{name}=={version} --hash=sha256:{}\n", sha256(bytes))
}

/// Returns the integrity of a tarball.
pub fn integrity(bytes: &[u8]) -> String {
    format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes)))
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Packs a wheel, with a RECORD that is right.
pub fn wheel(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let info = format!("{name}-{version}.dist-info");
    let mut files: Vec<(String, String)> =
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    files.push((format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")));
    files.push((format!("{info}/WHEEL"), "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned()));
    let row = |(path, text): &(String, String)| {
        format!("{path},sha256={},{}\n", URL_SAFE_NO_PAD.encode(Sha256::digest(text)), text.len())
    };
    let record: String = files.iter().map(row).collect();
    files.push((format!("{info}/RECORD"), format!("{record}{info}/RECORD,,\n")));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    zip(&files)
}

/// Packs a zip archive, uncompressed; no name is too bad for it.
pub fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let (mut out, mut list) = (Vec::new(), Vec::new());
    for (name, body) in files {
        let mut crc = Crc::new();
        crc.update(body.as_bytes());
        let size = u32::try_from(body.len()).unwrap().to_le_bytes();
        let named = u16::try_from(name.len()).unwrap().to_le_bytes();
        let offset = u32::try_from(out.len()).unwrap().to_le_bytes();
        let common = [&[0; 8][..], &crc.sum().to_le_bytes(), &size, &size, &named, &[0; 2]].concat();
        out.extend([b"PK\x03\x04\x14\0", &common[..], name.as_bytes(), body.as_bytes()].concat());
        let mode = (0o100_644_u32 << 16).to_le_bytes();
        list.extend([b"PK\x01\x02\x14\x03\x14\0", &common[..], &[0; 6], &mode, &offset, name.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (size, start) = (u32::try_from(list.len()).unwrap(), u32::try_from(out.len()).unwrap());
    let end = [b"PK\x05\x06\0\0\0\0", &count[..], &count, &size.to_le_bytes(), &start.to_le_bytes(), &[0; 2]].concat();
    [out, list, end].concat()
}

/// Packs a compressed tar archive; no name is too bad for it.
pub fn tgz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for (name, body) in files {
        let mut header = vec![0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        header.extend(body.as_bytes());
        header.resize(header.len().next_multiple_of(512), 0);
        encoder.write_all(&header).unwrap();
    }
    encoder.write_all(&[0; 1024]).unwrap();
    encoder.finish().unwrap()
}
