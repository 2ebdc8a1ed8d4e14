package assets

import (
	"strings"
	"sync"
)

// ContentType is the type that a file is served with, by the extension of its name,
// with the character set for text; "" for an extension that is not listed here. The
// types are those that wrangler sends.
func ContentType(name string) string {
	base := strings.ToLower(name[strings.LastIndexByte(name, '/')+1:])
	dot := strings.LastIndexByte(base, '.')
	if dot < 1 {
		return ""
	}
	t := contentTypes()[base[dot+1:]]
	if strings.HasPrefix(t, "text/") {
		t += "; charset=utf-8"
	}
	return t
}

var contentTypes = sync.OnceValue(func() map[string]string {
	types := map[string]string{}
	for line := range strings.Lines(`
		application/atom+xml atom
		application/dash+xml mpd
		application/epub+zip epub
		application/geo+json geojson
		application/gpx+xml gpx
		application/gzip gz
		application/hjson hjson
		application/java-archive jar
		application/json json map
		application/json5 json5
		application/ld+json jsonld
		application/manifest+json webmanifest
		application/mathml+xml mathml
		application/msword doc
		application/n-triples nt
		application/node cjs
		application/octet-stream bin exe dmg iso deb msi
		application/pdf pdf
		application/pgp-encrypted pgp
		application/pgp-keys asc
		application/pgp-signature sig
		application/pkcs7-signature p7s
		application/pkix-cert cer
		application/postscript ps eps ai
		application/rdf+xml rdf owl
		application/rss+xml rss
		application/rtf rtf
		application/sql sql
		application/toml toml
		application/vnd.android.package-archive apk
		application/vnd.apple.mpegurl m3u8
		application/vnd.google-earth.kml+xml kml
		application/vnd.google-earth.kmz kmz
		application/vnd.ms-excel xls
		application/vnd.ms-fontobject eot
		application/vnd.ms-powerpoint ppt
		application/vnd.oasis.opendocument.presentation odp
		application/vnd.oasis.opendocument.spreadsheet ods
		application/vnd.oasis.opendocument.text odt
		application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
		application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
		application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
		application/vnd.rar rar
		application/wasm wasm
		application/wsdl+xml wsdl
		application/x-7z-compressed 7z
		application/x-bittorrent torrent
		application/x-bzip2 bz2
		application/x-chrome-extension crx
		application/x-httpd-php php
		application/x-latex latex
		application/x-mobipocket-ebook mobi
		application/x-perl pl
		application/x-pkcs12 p12 pfx
		application/x-redhat-package-manager rpm
		application/x-sh sh
		application/x-shockwave-flash swf
		application/x-subrip srt
		application/x-tar tar
		application/x-tex tex
		application/x-web-app-manifest+json webapp
		application/x-x509-ca-cert pem crt der
		application/x-xpinstall xpi
		application/x-xz xz
		application/xhtml+xml xhtml
		application/xml xml xsl
		application/xml-dtd dtd
		application/xslt+xml xslt
		application/zip zip
		audio/aac aac
		audio/midi mid midi
		audio/mp4 m4a
		audio/mpeg mp3
		audio/ogg ogg oga opus
		audio/wav wav
		audio/webm weba
		audio/x-flac flac
		audio/x-mpegurl m3u
		audio/x-ms-wma wma
		font/collection ttc
		font/otf otf
		font/ttf ttf
		font/woff woff
		font/woff2 woff2
		image/apng apng
		image/avif avif
		image/bmp bmp
		image/gif gif
		image/heic heic
		image/heif heif
		image/jpeg jpg jpeg jpe
		image/jxl jxl
		image/pjpeg jfif
		image/png png
		image/svg+xml svg svgz
		image/tiff tif tiff
		image/vnd.adobe.photoshop psd
		image/vnd.microsoft.icon ico
		image/webp webp
		message/rfc822 eml mht mhtml
		model/gltf+json gltf
		model/gltf-binary glb
		model/obj obj
		model/stl stl
		model/vnd.usdz+zip usdz
		text/cache-manifest appcache manifest
		text/calendar ics ifb
		text/coffeescript coffee
		text/css css
		text/csv csv
		text/html html htm shtml
		text/javascript js mjs
		text/jsx jsx
		text/less less
		text/markdown md markdown
		text/mdx mdx
		text/n3 n3
		text/plain txt text ini conf log
		text/stylus styl
		text/tab-separated-values tsv
		text/turtle ttl
		text/vcard vcard
		text/vtt vtt
		text/wgsl wgsl
		text/x-c c h cpp
		text/x-handlebars-template hbs
		text/x-java-source java
		text/x-lua lua
		text/x-sass sass
		text/x-scss scss
		text/x-vcard vcf
		text/yaml yaml yml
		video/3gpp 3gp
		video/mp2t ts
		video/mp4 mp4 mp4v
		video/mpeg mpg mpeg
		video/ogg ogv
		video/quicktime mov
		video/webm webm
		video/x-flv flv
		video/x-m4v m4v
		video/x-matroska mkv
		video/x-ms-wmv wmv
		video/x-msvideo avi`) {
		fields := strings.Fields(line)
		for i := 1; i < len(fields); i++ {
			types[fields[i]] = fields[0]
		}
	}
	return types
})
